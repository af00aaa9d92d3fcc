using PointSystem.Api.OpenApi;
using PointSystem.Api.Security;
using PointSystem.Domain.Results;
using PointSystem.ServiceDefaults;

namespace PointSystem.Api.Features.Config;

internal static class ConfigEndpoints
{
    private const string Example =
        """{"configKey":"MAX_BALANCE_PER_MEMBER","configValue":"20000000","description":"Most live points a member may reach","updatedAt":"2026-11-22T09:30:00+00:00","updatedBy":"ops@example.com"}""";

    public static IHostApplicationBuilder AddConfig(this IHostApplicationBuilder builder)
    {
        builder.Services.AddScoped<UpdateConfig.Handler>();
        return builder;
    }

    /// <summary>Maps the run-time configuration; all of it needs the admin role.</summary>
    public static IEndpointRouteBuilder MapConfig(this IEndpointRouteBuilder app)
    {
        var config = app.MapGroup("/api/admin/points/config").WithTags("Configuration").RequireAuthorization(AuthPolicies.Admin);

        config.MapGet("", GetConfig.ListAsync).WithName("ListConfig")
            .WithSummary("All values that can be changed at run time")
            .Answers<ConfigListResponse>(200, $$"""{"items":[{{Example}}],"nextCursor":null}""");

        config.MapGet("/{key}", GetConfig.OneAsync).WithName("GetConfig")
            .WithSummary("One value")
            .Answers<ConfigResponse>(200, Example)
            .Refuses(404, PointErrorCodes.ConfigNotFound);

        config.MapPut("/{key}", UpdateConfig.HandleAsync).WithName("UpdateConfig")
            .WithSummary("Changes a value")
            .WithDescription("Holds for every replica's next request at the latest one second later. "
                + "A value that is invalid, alone or together with the others, changes nothing; "
                + "neither does a value that is in force already, which adds nothing to the history either.")
            .Takes<UpdateConfigRequest>("""{"configValue":"20000000","description":"Raised for the anniversary"}""")
            .Answers<ConfigResponse>(200, Example)
            .Refuses(400, PointErrorCodes.InvalidRequest).Refuses(404, PointErrorCodes.ConfigNotFound).Refuses(423, ProblemCodes.LockNotAcquired)
            .Refuses(422, PointErrorCodes.InvalidConfigValue);

        config.MapGet("/{key}/history", GetConfig.HistoryAsync).WithName("GetConfigHistory")
            .WithSummary("Who changed a value, when and from what, the newest change first")
            .TakesPage()
            .Answers<ConfigHistoryResponse>(
                200,
                """{"items":[{"configKey":"MAX_BALANCE_PER_MEMBER","configValue":"20000000","oldValue":"10000000","newValue":"20000000","description":"Raised","updatedAt":"2026-11-22T09:30:00+00:00","updatedBy":"ops@example.com"}],"nextCursor":null}""")
            .Refuses(400, PointErrorCodes.InvalidRequest).Refuses(404, PointErrorCodes.ConfigNotFound);
        return app;
    }
}
