namespace PointSystem.Domain.Points;

public enum PointKind { Accumulate }
