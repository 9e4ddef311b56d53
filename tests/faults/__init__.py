"""What happens to files when disks are full, processes are killed, and several processes write."""
