"""Read, write, check and repair feature files; write any file atomically; lock a folder; read JSON."""
