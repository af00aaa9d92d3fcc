namespace PointSystem.AppHost;

internal static class Notifications
{
    /// <summary>Name of the resource.</summary>
    public const string Name = "notifications";

    /// <summary>Adds the service that tells members what happens to their points. Its e-mails become files of the data directory.</summary>
    public static void AddNotifications(
        this IDistributedApplicationBuilder builder, Settings settings, PointDatabase points, IResourceBuilder<ProjectResource> gateway,
        IResourceBuilder<ExecutableResource>? identity)
    {
        var mail = Path.Combine(settings.Data, "mail");
        settings.Parts["e-mail"] = $"files in {mail}";
        builder.AddProject<Projects.PointSystem_Notifications>(Name, launchProfileName: null)
            .WithLocalSettings()
            .WithHttpEndpoint()
            .WithHttpHealthCheck("/health/ready")
            .WithReference(gateway)
            .WithEnvironment($"ConnectionStrings__{Database.Points}", points.Notifier)
            .WithEnvironment("Feed__Address", "http://gateway")
            .WithFeedToken(settings, identity)
            .WithEnvironment("Email__PickupDirectory", mail)
            .WithEnvironment("Email__From", "Example Shop <points@shop.example.com>")
            // What is tried out at night is sent at night: no quiet hours.
            .WithEnvironment("Notifications__QuietFrom", "00:00")
            .WithEnvironment("Notifications__QuietUntil", "00:00")
            .WaitFor(gateway)
            .KeepRunning();
    }
}
