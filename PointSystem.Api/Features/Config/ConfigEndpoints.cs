using PointSystem.Api.Features.Audit;
using PointSystem.Api.OpenApi;
using PointSystem.Domain.Results;
using PointSystem.ServiceDefaults;

namespace PointSystem.Api.Features.Config;

internal static class ConfigEndpoints
{
    private const string Example =
        """
        {"configKey":"MAX_BALANCE_PER_MEMBER","configValue":"20000000","description":"Maximum balance of a member",
         "updatedAt":"2026-11-22T09:30:00+00:00","updatedBy":"ops@example.com"}
        """;

    private const string HistoryExample =
        """
        {"items":[{"configKey":"MAX_BALANCE_PER_MEMBER","configValue":"20000000","oldValue":"10000000","newValue":"20000000",
                   "description":"Raised for the anniversary","updatedAt":"2026-11-22T09:30:00+00:00","updatedBy":"ops@example.com"}],"nextCursor":null}
        """;

    public static IHostApplicationBuilder AddConfig(this IHostApplicationBuilder builder)
    {
        builder.Services.AddScoped<UpdateConfig.Handler>();
        return builder;
    }

    /// <summary>Maps the endpoints of the run-time configuration. All of them need the right to administer.</summary>
    public static IEndpointRouteBuilder MapConfig(this IEndpointRouteBuilder app)
    {
        var config = app.MapAdmin("/api/admin/points/config").WithTags("Configuration");

        config.MapGet("", GetConfig.ListAsync).WithName("ListConfig")
            .WithSummary("Lists all values that can be changed at run time")
            .Answers<ConfigListResponse>(200, $$"""{"items":[{{Example}}],"nextCursor":null}""");

        config.MapGet("/{key}", GetConfig.OneAsync).WithName("GetConfig")
            .WithSummary("Gets one value")
            .Answers<ConfigResponse>(200, Example)
            .Refuses(404, PointErrorCodes.ConfigNotFound);

        config.MapPut("/{key}", UpdateConfig.HandleAsync).WithName("UpdateConfig")
            .WithSummary("Changes a value")
            .WithDescription("The new value applies to new requests on every replica after at most one second. "
                + "A value that is invalid, on its own or in combination with the others, is refused. "
                + "A request that changes nothing adds no entry to the history.")
            .Takes<UpdateConfigRequest>("""{"configValue":"20000000","description":"Raised for the anniversary"}""")
            .Answers<ConfigResponse>(200, Example)
            .Refuses(400, PointErrorCodes.InvalidRequest).Refuses(404, PointErrorCodes.ConfigNotFound).Refuses(423, ProblemCodes.LockNotAcquired)
            .Refuses(422, PointErrorCodes.InvalidConfigValue);

        config.MapGet("/{key}/history", GetConfig.HistoryAsync).WithName("GetConfigHistory")
            .WithSummary("Lists the changes of a value, newest first")
            .TakesPage()
            .Answers<ConfigHistoryResponse>(200, HistoryExample)
            .Refuses(400, PointErrorCodes.InvalidRequest).Refuses(404, PointErrorCodes.ConfigNotFound);
        return app;
    }
}
