"""Train a classifier with a rate for every layer and a loss of weighted classes, and save it so that it resumes."""

from typing import Any

import transformers as hf
from torch import Tensor, nn

from featurestore.finetuning.class_loss import ClassLoss
from featurestore.finetuning.layer_rates import group_by_rate
from featurestore.finetuning.network_layers import NetworkLayers


class ClassifierTrainer(hf.Trainer):
    """Train with a rate for every layer where `layers` is set, and with the loss `class_loss`.

    Without them it trains as transformers does. A checkpoint holds the weights under the names that the network itself
    has for them. Transformers would save some families (AST, ESM, networks of experts) under names of earlier versions,
    and pass over those without a word when training resumes.
    """

    optimizer: Any
    layers: NetworkLayers | None = None
    layer_decay = 1.0
    class_loss = ClassLoss()

    def create_optimizer(self, model: Any = None) -> Any:
        """Create the optimizer, with a group of weights for every rate and weight decay."""
        if self.optimizer is None and self.layers is not None:
            network = model or self.model
            kind, options = self.get_optimizer_cls_and_kwargs(self.args, network)
            decay, decayed = self.args.weight_decay, self.get_decay_parameter_names(network)
            rate = self.args.learning_rate
            self.optimizer = kind(
                group_by_rate(network, self.layers, self.layer_decay, rate, decay, decayed), **options
            )
        return super().create_optimizer(model)

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        """Save the network with its own names of the weights, in one of the processes that share a training."""
        if not self.args.should_save:
            return
        self.model.save_pretrained(output_dir or self.args.output_dir, save_original_format=False)

    def sum_losses(self, logits: Tensor, labels: Tensor, *, training: bool) -> Tensor:
        """Sum the losses of utterances. Those not trained on have the cross entropy without weights and smoothing.

        Args:
            logits: (B, C).
            labels: (B,).
            training: whether they are trained on.
        """
        if not training or self.class_loss.is_plain():
            return nn.functional.cross_entropy(logits, labels, reduction="sum")
        return self.class_loss.compute_sum(logits, labels)
