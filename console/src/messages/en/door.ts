// English texts of signing in, setting up and passwords.

export const door = {
  signIn: "Sign in",
  account: "Account",
  accountHint: "Id or name; may be empty when there is one account",
  user: "User",
  password: "Password",
  repeat: "Password again",
  wrong: "Account, user or password is wrong, or the user may not sign in to the console.",
  slow: (span: string) => `Too many wrong tries. Try again in ${span}.`,
  setupTitle: "Set up the console",
  setupWhat: "This makes the first user. The token was printed by the server's first start and is in its data directory; it works once, for one hour.",
  token: "Setup token",
  setPasswordWhat: "The token was made for you by somebody who manages users; it works once.",
  oneTimeToken: "One-time token",
  set: "Set password",
  make: "Make the first user",
  differ: "The two passwords differ.",
  length: (n: number) => `${n} of at least 12 characters`,
  enough: (n: number) => `${n} characters`,
  lost: "Forgotten? Somebody with access to the server runs:",
  expiredWhat: "Sign in again to go on. What is on the page stays.",
};
