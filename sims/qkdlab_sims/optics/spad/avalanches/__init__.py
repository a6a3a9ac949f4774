"""What the avalanches of a diode leave behind: late tags, carriers in traps."""
