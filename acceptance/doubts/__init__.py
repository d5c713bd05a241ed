"""What is said about AWS without having been seen, each as a small experiment."""
