"""`tf.train`: checkpoints."""

from treadle.keras_like.saving.checkpoint import Checkpoint
from treadle.keras_like.saving.checkpoint_files import CheckpointState, get_checkpoint_state, latest_checkpoint
from treadle.keras_like.saving.checkpoint_manager import CheckpointManager
from treadle.keras_like.saving.checkpoint_reader import CheckpointReader, list_variables, load_checkpoint, load_variable

__all__ = ["Checkpoint", "CheckpointManager", "CheckpointReader", "CheckpointState", "get_checkpoint_state",
           "latest_checkpoint", "list_variables", "load_checkpoint", "load_variable"]
