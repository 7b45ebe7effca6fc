"""Add adapters of low rank to the linear layers of a network, and merge them into its weights (LoRA).

An adapter adds alpha / rank x B A to a frozen weight W (Hu et al., ICLR 2022). Most are those of peft, which replace
the layer's call. Where a network reads the weight of a layer without calling it, as WavLM's attention does, such an
adapter would never be used, and the same sum is made of the weight itself.
"""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize
from transformers.pytorch_utils import Conv1D

from featurestore.errors import BadValue, Unavailable
from featurestore.finetuning.network.network_layers import CallTrace, find_read

if TYPE_CHECKING:
    from peft import LoraModel

_HELD = "network"


def import_peft() -> Any:
    """Return the package peft.

    Raises:
        Unavailable: it is not installed.
    """
    try:
        import peft
    except ImportError:
        raise Unavailable("--lora needs the package peft", do="pip install 'emofuse[lora]'") from None
    return peft


class LowRankSum(nn.Module):
    """Add a product of low rank to a weight that is read (D out, D in).

    Args:
        weight: the frozen weight.
        rank: of the product.
        scale: of the product in the sum.
    """

    def __init__(self, weight: Tensor, rank: int, scale: float) -> None:
        super().__init__()
        rows, columns = weight.shape
        self.scale = scale
        self.lora_A = nn.Parameter(weight.new_empty(rank, columns))
        self.lora_B = nn.Parameter(weight.new_zeros(rows, rank))
        nn.init.kaiming_uniform_(self.lora_A, a=math.sqrt(5))  # as peft draws it

    def forward(self, weight: Tensor) -> Tensor:
        """Return the sum (D out, D in)."""
        return weight + self.scale * (self.lora_B @ self.lora_A)


class Adapters:
    """Adapters on linear layers of a network, which is changed in place until they are merged.

    All other weights are frozen.

    Args:
        model: a network of transformers.
        called: names of the linear layers that it calls.
        read: names of those whose weights it reads without a call.
        rank: of the adapters.
        alpha: their scale times the rank.
        seed: of their first weights.
    """

    def __init__(
        self, model: Any, called: Sequence[str], read: Sequence[str], *, rank: int, alpha: float, seed: int
    ) -> None:
        self.model = model
        self._read = [model.get_submodule(name) for name in read]
        self._lora: LoraModel | None = None
        model.requires_grad_(False)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            if called:
                self._lora = _inject(model, called, rank, alpha)
            for layer in self._read:
                parametrize.register_parametrization(layer, "weight", LowRankSum(layer.weight, rank, alpha / rank))

    def merge(self) -> None:
        """Merge the adapters into the weights of the network, which then is an ordinary one again."""
        for layer in self._read:
            parametrize.remove_parametrizations(layer, "weight", leave_parametrized=True)
        if self._lora is not None:
            self._lora.merge_and_unload(safe_merge=True)


def choose_targets(
    model: Any, layers: Sequence[str], batch: Mapping[str, Tensor], trace: CallTrace, rank: int, checkpoint: str
) -> tuple[list[str], list[str]]:
    """Choose the linear layers that get adapters: all of attention and feed-forward that are wider than the rank.

    Args:
        model: a classifier of transformers.
        layers: names of its layers that are trained.
        batch: its inputs.
        trace: of its forward pass on them.
        rank: of the adapters.
        checkpoint: its name, for messages.

    Returns:
        the names of those that the network calls, and of those whose weights it reads without a call.

    Raises:
        BadValue: there is none.
    """
    inside = tuple(f"{layer}." for layer in layers)
    widths = {
        name: min(module.weight.shape)
        for name, module in model.named_modules()
        if isinstance(module, (nn.Linear, Conv1D)) and name.startswith(inside)
    }
    fitting = [name for name, width in widths.items() if width > rank]
    called = [name for name in fitting if name in trace.order]
    weights = find_read(model, batch, [f"{name}.weight" for name in fitting if name not in trace.order])
    read = [name.removesuffix(".weight") for name in weights]
    if not called and not read:
        widest = max(widths.values(), default=0)
        raise BadValue(
            f"no layer of checkpoint {checkpoint} can have an adapter of rank {rank}",
            expected=f"--lora 1 to {widest - 1}" if widest > 1 else "a network with linear layers",
            got=f"{len(widths)} linear layers, the widest of width {widest}",
            do="lower --lora" if widest > 1 else "leave --lora out",
        )
    return called, read


def _inject(model: Any, names: Sequence[str], rank: int, alpha: float) -> "LoraModel":
    """Replace linear layers by those of peft with adapters."""
    peft = import_peft()
    turned = isinstance(model.get_submodule(names[0]), Conv1D)  # a weight of (D in, D out)
    plain = nn.ModuleDict(
        {_HELD: model}
    )  # peft takes the names of a transformers network for those of earlier versions
    targets = [f"{_HELD}.{name}" for name in names]
    config = peft.LoraConfig(r=rank, lora_alpha=alpha, lora_dropout=0.0, target_modules=targets, fan_in_fan_out=turned)
    return peft.LoraModel(plain, config, "default")  # type: ignore[no-any-return]
