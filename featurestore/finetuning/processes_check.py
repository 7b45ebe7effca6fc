"""Check that several processes can share a training, before anything is loaded."""

from featurestore.errors import BadValue, format_count
from featurestore.finetuning.settings import Settings
from featurestore.networks.device import choose_device, count_gpus


def check_processes(settings: Settings) -> None:
    """Check the number of processes.

    Raises:
        BadValue: the batch, the loss or the device cannot be shared by so many.
    """
    if settings.processes == 1:
        return
    if settings.processes > settings.batch_size:
        raise BadValue(
            f"a batch of {settings.batch_size} cannot be shared by {settings.processes} processes",
            expected=f"--processes 1 to {settings.batch_size}, or a larger --batch-size",
        )
    if settings.ctc_weight:
        raise BadValue(
            "a CTC loss is trained in one process only",
            expected="--processes 1, or no --ctc-weight",
            got=f"--processes {settings.processes} and --ctc-weight {settings.ctc_weight:g}",
            do="leave one of them out",
        )
    _check_device(settings.device or choose_device(), settings.processes)


def _check_device(name: str, processes: int) -> None:
    if name not in ("cpu", "cuda"):
        raise BadValue(
            f"several processes cannot share device {name}",
            expected="--device cuda, where process 0 has cuda:0, process 1 cuda:1 and so on, or --device cpu",
            got=f"--processes {processes}",
            do="leave --processes or --device out; CUDA_VISIBLE_DEVICES chooses among the GPUs",
        )
    if name == "cuda" and processes > (gpus := count_gpus()):
        raise BadValue(
            f"this machine has {format_count(gpus, 'GPU')} that torch can use",
            expected=f"--processes 1 to {gpus}" if gpus > 1 else "--processes 1",
            got=f"--processes {processes}",
            do="lower --processes, or add --device cpu",
        )
