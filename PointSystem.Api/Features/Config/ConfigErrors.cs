using PointSystem.Domain.Results;

namespace PointSystem.Api.Features.Config;

internal static class ConfigErrors
{
    public static PointError NotFound(string key) => new(
        PointErrorCodes.ConfigNotFound, PointErrorKind.NotFound, $"There is no configuration key '{(key.Length <= 100 ? key : key[..100] + "…")}'.");

    public static PointError Invalid(string sentence) => new(PointErrorCodes.InvalidConfigValue, PointErrorKind.Refused, sentence);
}
