"""The leaderboard: entries from config files, judged by fixed protocols on public data and in worlds."""
