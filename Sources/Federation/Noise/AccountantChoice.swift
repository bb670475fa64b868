// The scenario's word for an accountant, as the privacy room's.

public import Privacy
public import Scenarios

extension Scenario.Privacy.Accountant {
  /// The accountant that this names.
  public var kind: AccountantKind {
    switch self {
    case .rdp: .rdp
    case .pld: .pld
    case .best: .best
    }
  }
}
