"""What every process that opens the central repository needs: roots, records, messages, names, retries."""
