"""The gateway: Grace over HTTP. It knows who asks, and passes everything else on."""
