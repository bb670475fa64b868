// The version that runs, reports and `dpflsim --version` state.

/// The version of dpflsim.
public enum DPFLSimVersion {
  public static let current = "0.1.0"
}
