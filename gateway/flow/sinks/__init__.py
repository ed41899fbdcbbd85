"""Results outside: put into sinks whole or not at all, and taken out again when consent or retention ends."""
