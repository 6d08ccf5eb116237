"""The same fine-tuning with several kinds of attention, over several seeds."""
