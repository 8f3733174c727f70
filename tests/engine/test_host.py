import numpy as np
import pytest
import tensorflow as tf

from skid.engine.host import call_on_host, host_error


def test_exception_of_a_function_is_returned_once():
    fault = ZeroDivisionError("no such number")

    def divide(values):
        if not values.all():
            raise fault
        return 1 / values

    program = tf.function(lambda values: call_on_host(divide, [values], values.dtype, "key"))
    np.testing.assert_array_equal(program(tf.constant([2.0])), [0.5])
    assert host_error("key") is None
    with pytest.raises(tf.errors.OpError):
        program(tf.constant([0.0]))
    assert host_error("other") is None
    assert host_error("key") is fault
    assert host_error("key") is None
