// Comparisons with a stated tolerance, and where the shared reference files are.

public import Foundation

/// Whether `value` lies within `relative · |reference| + absolute` of `reference`.
public func isClose(
  _ value: Double, _ reference: Double, relative: Double = 1e-12, absolute: Double = 0
) -> Bool {
  if value == reference { return true }
  return abs(value - reference) <= relative * abs(reference) + absolute
}

/// A file below `Tests/<Room>Tests/Golden`, found from the path of the calling test file.
public func goldenFile(_ name: String, testFile: String = #filePath) -> URL {
  URL(fileURLWithPath: testFile).deletingLastPathComponent()
    .appendingPathComponent("Golden").appendingPathComponent(name)
}
