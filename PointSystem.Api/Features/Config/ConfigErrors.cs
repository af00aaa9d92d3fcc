using PointSystem.Api.Persistence;
using PointSystem.Domain.Results;

namespace PointSystem.Api.Features.Config;

internal static class ConfigErrors
{
    public static PointError NotFound(string key) => new(
        PointErrorCodes.ConfigNotFound,
        PointErrorKind.NotFound,
        $"There is no configuration key '{(key.Length <= Lengths.ConfigKey ? key : key[..Lengths.ConfigKey] + "…")}'.");

    public static PointError Invalid(string sentence) => new(PointErrorCodes.InvalidConfigValue, PointErrorKind.Refused, sentence);
}
