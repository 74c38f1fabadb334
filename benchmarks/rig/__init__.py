"""What several benchmarks share: journals made of captured stories, the ingest as a process, a Postgres, /proc."""
