"""The layers that the README draws."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[1]


def lines_of_the_drawing():
    drawing = ROOT.joinpath("README.md").read_text().split("## Design")[1].split("```")[3]
    return [line.split(", ") for line in drawing.strip().splitlines()]


def imported(path):
    """Parts of the package that a file imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        yield from {name.split(".")[1] for name in names if name.startswith("skid.")}


def test_every_part_imports_only_from_the_lines_below():
    level = {part: line for line, parts in enumerate(lines_of_the_drawing()) for part in parts}
    found = set()
    for path in ROOT.joinpath("skid").rglob("*.py"):
        part = path.relative_to(ROOT / "skid").parts[0].removesuffix(".py")
        if part == "__init__":
            continue
        found.add(part)
        for other in {*imported(path)} & {*level} - {part}:
            assert level[other] > level[part], f"{path} imports {other}"
    assert found == {*level}
