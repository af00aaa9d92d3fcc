return await PointSystem.Gateway.GatewayApplication.RunAsync(args);
