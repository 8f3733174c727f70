import numpy as np
import pytest
import tensorflow as tf
from sklearn.datasets import make_classification

from skid import SubsetSelectorClassifier
from skid.engine.backend import resolve_device

N_GPUS = len(tf.config.list_physical_devices("GPU"))
needs_gpu = pytest.mark.skipif(not N_GPUS, reason="TensorFlow sees no GPU")


def test_auto_is_the_first_gpu_where_there_is_one():
    assert resolve_device("auto") == ("/GPU:0" if N_GPUS else "/CPU:0")
    assert resolve_device("cpu") == "/CPU:0"


def test_a_gpu_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match=f"{N_GPUS} GPU.* sees, got 'gpu:{N_GPUS}'"):
        resolve_device(f"gpu:{N_GPUS}")


@pytest.mark.parametrize("device", ["tpu", "GPU", "gpu:", "gpu:-1", "cpu:0", ""])
def test_other_names_are_refused(device):
    with pytest.raises(ValueError, match=f"'cpu', 'gpu' or 'gpu:N', got '{device}'"):
        resolve_device(device)


def test_an_estimator_refuses_a_gpu_that_is_not_there():
    X, y = make_classification(random_state=0)
    model = SubsetSelectorClassifier(2, device=f"gpu:{N_GPUS}")
    with pytest.raises(ValueError, match="that TensorFlow sees, got"):
        model.fit(X, y)
    assert not hasattr(model, "support_")


@pytest.fixture
def table():
    return make_classification(
        400, 10, n_informative=3, n_redundant=0, shuffle=False, class_sep=2, random_state=0
    )


@needs_gpu
@pytest.mark.parametrize("device", ["gpu", "gpu:0"])
def test_a_gpu_finds_what_the_cpu_finds(table, device):
    on_cpu = SubsetSelectorClassifier(3, device="cpu", random_state=0).fit(*table)
    on_gpu = SubsetSelectorClassifier(3, device=device, random_state=0).fit(*table)
    np.testing.assert_array_equal(on_gpu.support_, on_cpu.support_)
    assert abs(on_gpu.score(*table) - on_cpu.score(*table)) < 0.05


@needs_gpu
def test_training_takes_place_on_the_gpu(table, monkeypatch):
    from skid.engine import Program

    run, devices = Program.run, []

    def recorded(self, *arguments):
        result = run(self, *arguments)
        devices.extend(value.device for value in result[0].values())
        return result

    monkeypatch.setattr(Program, "run", recorded)
    SubsetSelectorClassifier(3, device="gpu", max_iter=2, random_state=0).fit(*table)
    assert devices
    assert all("GPU:0" in device for device in devices)
