"""What it costs to see every feature of an SAE, beside SAEDashboard and sae_vis.

    python -m benchmarks.dashboards

Each program reads the same model, autoencoder and corpus (`material`), and what they say of the
same features must agree. Modules under `peers/` run in the environment of the other programs.
"""
