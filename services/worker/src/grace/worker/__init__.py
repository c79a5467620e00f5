"""The hands of Grace: claims tasks from htm and runs kernels against registered targets."""
