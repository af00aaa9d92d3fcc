using Microsoft.Extensions.Options;
using PointSystem.ServiceDefaults;

namespace PointSystem.Notifications.Feed;

internal static class FeedExtensions
{
    public static void AddFeed(this IHostApplicationBuilder builder)
    {
        builder.Services.AddOptions<FeedOptions>().BindConfiguration(FeedOptions.SectionName).ValidateDataAnnotations().ValidateOnStart();
        builder.Services.AddSingleton<IValidateOptions<FeedOptions>, FeedOptionsValidator>();
        builder.Services.AddTransient<FeedToken>();
        builder.Services.AddTransient<UntracedHandler>();
        builder.Services.AddHttpClient(FeedToken.ClientName);
        builder.Services.AddHttpClient<EventFeed>((services, http) => http.BaseAddress = services.GetRequiredService<IOptions<FeedOptions>>().Value.Address)
            .AddHttpMessageHandler<FeedToken>()
            .AddHttpMessageHandler<UntracedHandler>();
        builder.Services.AddHostedService<FeedJob>();
    }
}
