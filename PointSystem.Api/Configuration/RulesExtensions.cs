using Microsoft.Extensions.DependencyInjection.Extensions;

namespace PointSystem.Api.Configuration;

internal static class RulesExtensions
{
    /// <summary>Registers the rules in effect and the business clock.</summary>
    public static IHostApplicationBuilder AddPointRules(this IHostApplicationBuilder builder)
    {
        builder.Services.TryAddSingleton(TimeProvider.System);
        builder.Services.AddOptions<BusinessOptions>()
            .BindConfiguration(BusinessOptions.SectionName)
            .Validate(
                options => !string.IsNullOrWhiteSpace(options.TimeZone) && TimeZoneInfo.TryFindSystemTimeZoneById(options.TimeZone, out _),
                "Business:TimeZone must be the IANA id of a time zone that this machine knows, such as Asia/Seoul.")
            .ValidateOnStart();
        builder.Services.AddSingleton<RulesProvider>();
        return builder;
    }
}
