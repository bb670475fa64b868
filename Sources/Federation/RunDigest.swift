// The digest of a run: two runs that should be the same have the same one.

import Crypto
import Foundation

/// SHA-256 over the final parameters of every model and every figure of every round, each number by
/// its bits. Times are left out.
struct RunDigest {
  private var hash = SHA256()

  mutating func add(_ value: UInt64) {
    withUnsafeBytes(of: value.littleEndian) { hash.update(bufferPointer: $0) }
  }

  mutating func add(_ value: Double?) {
    // A missing value must differ from every number.
    add(value == nil ? 0 : 1 as UInt64)
    add((value ?? 0).bitPattern)
  }

  mutating func add(_ report: RoundReport) {
    add(UInt64(report.round))
    for client in report.clients {
      add(UInt64(client.model))
      add(UInt64(client.steps))
      for value in [client.updateNorm, client.trainLoss, client.testAccuracy, client.testLoss] {
        add(value)
      }
    }
    for cluster in report.clusters {
      add(cluster.testAccuracy)
      add(cluster.testLoss)
    }
  }

  mutating func add(model: [Float]) {
    add(UInt64(model.count))
    for value in model {
      withUnsafeBytes(of: value.bitPattern.littleEndian) { hash.update(bufferPointer: $0) }
    }
  }

  /// 64 hexadecimal digits.
  var text: String {
    hash.finalize().hexadecimal
  }
}

extension SHA256.Digest {
  /// Two hexadecimal digits a byte.
  var hexadecimal: String {
    map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
  }
}
