using System.Globalization;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using PointSystem.Local.Processes;

namespace PointSystem.AppHost;

internal static class Dashboard
{
    // What a launch profile would say. There is none, because `dotnet run` would apply it to the plain processes of Program.Local.cs too.
    private const int UsualPort = 18888;

    /// <summary>Aspire's dashboard and its collector on the loopback interface without TLS, unless the environment or `aspire run` says otherwise.</summary>
    public static void UseLocalDashboard(this IDistributedApplicationBuilder builder)
    {
        builder.Services.AddLogging(logging => logging.AddFilter("Microsoft.AspNetCore", LogLevel.Warning));
        if (builder.Configuration["ASPNETCORE_URLS"] is { Length: > 0 })
        {
            return;
        }
        builder.Configuration["ASPIRE_ALLOW_UNSECURED_TRANSPORT"] = "true";
        builder.Configuration["ASPNETCORE_URLS"] = Url(Ports.IsFree(UsualPort) ? UsualPort : Ports.Next());
        builder.Configuration["ASPIRE_DASHBOARD_OTLP_ENDPOINT_URL"] ??= Url(Ports.Next());
    }

    private static string Url(int port) => string.Create(CultureInfo.InvariantCulture, $"http://localhost:{port}");
}
