"""Import TensorFlow quietly before a layer imports Keras."""

from skid.engine.backend import tensorflow

tensorflow()
