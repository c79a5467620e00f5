"""The kernels: the only code of Grace that touches a target."""
