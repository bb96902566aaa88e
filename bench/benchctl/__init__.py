"""The benchmark: what docs/performance.md says, measured again."""
