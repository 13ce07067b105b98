"""What the stories of somebody's data share: a world of the graph."""

from tests.support.shared_world import shared_world, world

__all__ = ["shared_world", "world"]
