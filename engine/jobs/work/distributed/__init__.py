"""Training on several devices: torchrun starts a process for each."""
