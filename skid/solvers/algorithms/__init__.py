"""What the problems are solved with: graphs, relaxations, searches and threads."""
