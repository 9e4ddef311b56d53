"""
Trainings by train.py whose model FSDP 2 shards over processes on a CPU: one without a stop, and one that is stopped and
resumed. accelerate shards only on accelerators. Here its plugin, as the environment configures it, is used on a CPU.

    accelerate launch ... tests/scripts/fsdp_on_cpu.py OUTPUT_DIR [OPTION OF train.py ...]
"""

import sys
from unittest import mock

from accelerate import Accelerator
from accelerate.state import PartialState
from accelerate.utils import DistributedType, FullyShardedDataParallelPlugin
from torch.distributed.fsdp import FSDPModule

from modeling_amuse.scripts import train
from modeling_amuse.scripts.training import distribution, training_loop

train_epoch = training_loop.train_epoch


class ShardingAccelerator(Accelerator):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.state.fsdp_plugin = FullyShardedDataParallelPlugin()
        if self.mixed_precision != "no":
            self.state.fsdp_plugin.set_mixed_precision(self.mixed_precision)
        self.state.distributed_type = DistributedType.FSDP
        PartialState._shared_state["distributed_type"] = DistributedType.FSDP

    def prepare(self, model, optimizer):
        prepared = super().prepare(model, optimizer)
        self.print("sharded:", *sorted({type(m).__name__ for m in model.modules() if isinstance(m, FSDPModule)}))
        return prepared

    def end_training(self):
        """Keep the state of accelerate, because more trainings follow in this process."""


def stopped_in_the_second_epoch(*args):
    if args[-1] == 1:
        raise KeyboardInterrupt
    return train_epoch(*args)


if __name__ == "__main__":
    output, *options = sys.argv[1:]
    with mock.patch.object(distribution, "Accelerator", ShardingAccelerator):
        train.main([*options, "--output_dir", f"{output}/whole"])
        try:
            with mock.patch.object(training_loop, "train_epoch", stopped_in_the_second_epoch):
                train.main([*options, "--output_dir", f"{output}/resumed"])
        except KeyboardInterrupt:
            train.main([*options, "--output_dir", f"{output}/resumed", "--resume_from_checkpoint", "latest"])
    PartialState().destroy_process_group()
