"""What astronomers know: the Galaxy Zoo tree, class names, votes to classes, a simulated sky."""
