"""What Simyard costs, each figure beside the limit or the peer that it is compared with, measured in the same run."""
