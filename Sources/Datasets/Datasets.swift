// Placeholder of the scaffold; replaced by the first real file of this room.
