"""The wire contracts of Grace: messages, subjects, streams and who may use them."""
