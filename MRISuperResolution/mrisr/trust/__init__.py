"""How far can a result be believed? Its verdict, residual and spread: arithmetic on arrays, without files or pictures."""
