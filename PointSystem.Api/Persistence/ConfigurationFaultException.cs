namespace PointSystem.Api.Persistence;

/// <summary>A setting is missing or cannot be used. The message says which and what to set.</summary>
internal sealed class ConfigurationFaultException(string message) : Exception(message);
