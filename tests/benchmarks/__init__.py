"""What is measured, not only tested."""
