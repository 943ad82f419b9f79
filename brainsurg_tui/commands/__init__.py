"""The sub-commands of `brainsurg`, a file for each subject. They ask the engine and print."""
