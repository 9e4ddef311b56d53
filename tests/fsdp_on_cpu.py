"""
train.py with its model sharded by FSDP 2 over processes on a CPU. accelerate shards on accelerators alone: here it is made
to take its plugin, which it made from the same environment, on a CPU too.
"""

from accelerate import Accelerator
from accelerate.state import PartialState
from accelerate.utils import DistributedType, FullyShardedDataParallelPlugin
from torch.distributed.fsdp import FSDPModule

from scripts import train


class ShardingAccelerator(Accelerator):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.state.fsdp_plugin = FullyShardedDataParallelPlugin()
        self.state.distributed_type = DistributedType.FSDP
        PartialState._shared_state["distributed_type"] = DistributedType.FSDP

    def prepare(self, model, optimizer):
        prepared = super().prepare(model, optimizer)
        self.print(f"sharded: {sum(isinstance(module, FSDPModule) for module in model.modules())} modules")
        return prepared


if __name__ == "__main__":
    train.Accelerator = ShardingAccelerator
    train.main()
