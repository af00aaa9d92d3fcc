using System.Globalization;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using PointSystem.Local.Processes;

namespace PointSystem.AppHost;

internal static class Dashboard
{
    private const int UsualPort = 18888;
    private const string Urls = "ASPNETCORE_URLS";
    private const string BrowserToken = "AppHost:BrowserToken";

    /// <summary>
    /// Configures Aspire's dashboard and its collector on free loopback ports, without TLS, unless the environment or Aspire's tools
    /// configure them.
    /// </summary>
    public static void UseLocalDashboard(this IDistributedApplicationBuilder builder)
    {
        builder.Services.AddLogging(logging => logging
            .AddFilter("Microsoft.AspNetCore", LogLevel.Warning)
            .AddFilter("Microsoft.AspNetCore.DataProtection", LogLevel.Error)
            // The ready block reports Aspire's own startup messages.
            .AddFilter("Aspire.Hosting", LogLevel.Warning)
            // It complains about a missing TLS certificate; TLS is not used here.
            .AddFilter("Aspire.Hosting.Dcp", LogLevel.Error)
            // A failed start is reported in one sentence.
            .AddFilter("Microsoft.Extensions.Hosting", LogLevel.None)
            // Otherwise every probe of a resource that is still starting would log an error with its stack trace.
            .AddFilter("Microsoft.Extensions.Diagnostics.HealthChecks", LogLevel.None));
        if (builder.Configuration[Urls] is { Length: > 0 })
        {
            return;
        }
        builder.Configuration["ASPIRE_ALLOW_UNSECURED_TRANSPORT"] = "true";
        builder.Configuration[Urls] = Url(Ports.IsFree(UsualPort) ? UsualPort : Ports.Next());
        builder.Configuration["ASPIRE_DASHBOARD_OTLP_ENDPOINT_URL"] ??= Url(Ports.Next());
    }

    /// <summary>The link that opens the dashboard logged in.</summary>
    public static string DashboardLink(this IDistributedApplicationBuilder builder) =>
        $"{builder.Configuration[Urls]?.Split(';')[0]}/login?t={builder.Configuration[BrowserToken]}";

    private static string Url(int port) => string.Create(CultureInfo.InvariantCulture, $"http://localhost:{port}");
}
