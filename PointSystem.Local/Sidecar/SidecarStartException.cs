namespace PointSystem.Local.Sidecar;

/// <summary>The sidecar cannot start; the message is one sentence for the user at the terminal.</summary>
internal sealed class SidecarStartException(string message, Exception? inner = null) : Exception(message, inner);
