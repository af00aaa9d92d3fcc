namespace PointSystem.Api.Persistence;

/// <summary>A setting is missing or not usable. The message says which one, and what to set.</summary>
internal sealed class ConfigurationFaultException(string message) : Exception(message);
