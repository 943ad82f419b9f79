"""One file per folder layout that SAEs are kept in."""
