"""Commands of `finetune`, one module each."""
